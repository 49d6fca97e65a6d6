"""What runs leave: files and folders, tables by pages, models by their signature."""
