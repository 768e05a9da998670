"""What a person decides on: suspects, the page, exports, and decisions brought back."""
