"""The long-lived reconciler: looks, plans and applies again and again, and tells how it is doing."""
