"""The tags of prompts, like `<lora:name:0.8>`: one discovered file a tag, naming its `TAG`."""
