"""Sub-commands of `gadget` that need nothing but the table."""
