"""Who someone is: OpenID Connect tokens, the pages' session cookie, and the issuer of the development stack.

Nothing here says what anyone may do. Roles are never read out of a token; they come from the person's stream.
"""
