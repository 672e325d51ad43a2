"""Run stores: one contract, `durable.port`, in several places."""
