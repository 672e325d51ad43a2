"""What happened on a board, kept outside its store: in NATS JetStream, Kafka or Redis streams."""
