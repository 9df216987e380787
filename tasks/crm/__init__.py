"""CRM: Airtable through pyairtable; nothing here knows whether the server is local."""
