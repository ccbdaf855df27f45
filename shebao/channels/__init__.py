"""The ways in: portal (单位), counter (经办), public pages, open API, commands. HTTP and commands only; one view, one call."""
