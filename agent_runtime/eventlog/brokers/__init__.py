"""Where event logs are kept: NATS JetStream, Kafka, Redis streams."""
