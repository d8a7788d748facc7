"""Networks as plain modules, and the two LightningModules that train them."""
