"""What training looks at: crops, mirrors and colours of a painting, and a visitor's photograph of it."""
