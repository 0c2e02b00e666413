"""How each system is measured, once it is trained; `launch.evaluate` starts them."""
