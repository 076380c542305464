"""AWS for every room: clients, settings, secrets, telemetry, HTTP requests, tasks over queues."""
