"""BRICK: the Speech API's messages, both sides, without sockets."""
