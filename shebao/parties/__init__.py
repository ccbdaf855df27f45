"""People, units and agencies: who there is, before any insurance."""
