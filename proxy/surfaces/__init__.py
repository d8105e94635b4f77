"""One file per API dialect: how its requests are read and masked, and how its replies are restored."""
