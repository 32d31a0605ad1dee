from .auditing import audit as audit
from .auditing import audit_episodes as audit_episodes
from .auditing import reference as reference
from .findings import Audit as Audit
from .findings import Finding as Finding
from .ledger import recall as recall
from .ledger import short_audit as short_audit
