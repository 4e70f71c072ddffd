"""The Google Calendar stand-in: one person's calendars, behind the Calendar API v3."""
