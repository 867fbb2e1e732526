"""A vector database in the place of an index folder, for collections that outgrow the memory."""
