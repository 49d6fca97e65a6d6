"""The studio's records: tables, migrations, and the connection to them."""
