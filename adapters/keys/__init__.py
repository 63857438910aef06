"""Keys of people and of footage in PostgreSQL, in a schema of their own, wrapped by a key kept elsewhere."""

from adapters.keys.encryption import FileKeyEncryption, KeyEncryption, KeyEncryptionFault
from adapters.keys.store import LOGINS, PostgresFootageKeys, PostgresKeyStore, login_roles, migrate

__all__ = [
    "LOGINS",
    "FileKeyEncryption",
    "KeyEncryption",
    "KeyEncryptionFault",
    "PostgresFootageKeys",
    "PostgresKeyStore",
    "login_roles",
    "migrate",
]
