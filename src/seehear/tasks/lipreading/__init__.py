"""Reading lips: words in clips of faces, what is seen of them, and what can be told from that."""
