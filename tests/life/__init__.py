"""A guard's life under load: reloads, drains, deaths, crowds. Clients and servers here are processes of their own."""
