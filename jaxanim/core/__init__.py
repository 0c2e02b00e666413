"""Types, protocols, errors and argument checks: everything else imports these, they import nothing of jaxanim."""
