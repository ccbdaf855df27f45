"""Django database backend that carries the actor into every transaction."""
