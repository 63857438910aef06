"""Who may do what: the city's rules as Cedar policies in `policies/`, readable one by one, and what asks them."""

from adapters.cedar.authoriser import CedarAuthoriser, PolicyFault, PolicyFiles

__all__ = ["CedarAuthoriser", "PolicyFault", "PolicyFiles"]
