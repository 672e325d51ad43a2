"""What there is: from the children of a resource to its status. Pure."""
