"""The life of a CA: its generations, the phases in which a new one comes in, and what each phase waits for."""
