"""Pictures drawn by OpenAI or a server that speaks as it does, each on the account of the user who asks."""
