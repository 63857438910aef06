"""The faces: GraphQL, HTTP endpoints, command line; and the only place that wires."""
