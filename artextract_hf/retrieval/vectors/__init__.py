"""Vectors and the FAISS index that searches them; nothing here knows of paintings."""
