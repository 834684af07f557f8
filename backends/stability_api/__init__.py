"""Pictures drawn by Stability AI, each on the account of the user who asks for it."""
