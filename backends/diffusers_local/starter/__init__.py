"""The starter model: a tiny text-to-image model, drawn, trained, measured and shipped by this folder."""
