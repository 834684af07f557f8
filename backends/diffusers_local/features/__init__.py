"""What a request can ask beside words and numbers, one file each."""
