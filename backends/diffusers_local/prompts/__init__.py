"""From words to what a denoiser takes of them."""
