"""The GraphQL face: types, queries out of read models, commands, subscriptions."""
