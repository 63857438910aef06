"""Keys of people, footage and files of it in PostgreSQL, in a schema of their own, wrapped by a key kept elsewhere."""

from adapters.keys.encryption import FileKeyEncryption, KeyEncryption, KeyEncryptionFault
from adapters.keys.store import (
    LOGINS,
    MIGRATIONS,
    PostgresExportKeys,
    PostgresFootageKeys,
    PostgresKeyStore,
    login_roles,
    migrate,
)

__all__ = [
    "LOGINS",
    "MIGRATIONS",
    "FileKeyEncryption",
    "KeyEncryption",
    "KeyEncryptionFault",
    "PostgresExportKeys",
    "PostgresFootageKeys",
    "PostgresKeyStore",
    "login_roles",
    "migrate",
]
