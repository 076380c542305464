"""What every room needs of AWS: clients, settings, secrets, telemetry, HTTP requests, tasks over queues."""
