"""Schedules: jobs that start by a cron line."""
