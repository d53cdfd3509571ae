from dataclasses import dataclass
@dataclass(frozen=True)
class Variant:
    scenario: str
    name: str
    source: str
def sample(a,b,c): return []
