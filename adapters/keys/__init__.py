"""Subjects' keys in PostgreSQL, in a schema of their own, wrapped by a key-encryption key kept elsewhere."""

from adapters.keys.encryption import FileKeyEncryption, KeyEncryption, KeyEncryptionFault
from adapters.keys.store import LOGINS, PostgresKeyStore, login_roles, migrate

__all__ = [
    "LOGINS",
    "FileKeyEncryption",
    "KeyEncryption",
    "KeyEncryptionFault",
    "PostgresKeyStore",
    "login_roles",
    "migrate",
]
