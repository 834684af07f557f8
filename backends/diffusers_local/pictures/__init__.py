"""From latents to what is sent: decoding, previews, sizes and files."""
