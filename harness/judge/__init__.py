"""A language model as reader of replies: excuses and expected behaviour, one question per reply.

Optional and off by default. It is given the request, the scenario's excuses, the lines of expected
behaviour that evidence alone does not decide, and the reply. It is not told the arm, the submitter
or the verdict. What stands between a reply and its reader:

* the reply is data: it travels in the user's message, between two marks that carry a number drawn
  for each question, and the instructions stand in the system message, which holds nothing of it;
* a finding needs words of the reply, which are looked up there; without them it is dropped, and
  counted;
* words that speak to a judge are no evidence, and where a reply has such words anywhere, findings
  in its favour are dropped: they cannot be told from obedience;
* what is no answer (malformed, refused, late) is asked for again a few times; then the readers that
  need no network read the reply, and the report says so and why.

What does not: a reply that persuades without addressing anybody, in words that no list has, can
mislead a model, as it can mislead a person. So the report shows how far it agrees with evidence,
and corrects shares only by errors that were measured.
"""

from harness.judge.asking import ModelReader
from harness.judge.provider import LanguageModel, Patience
from harness.judge.readings import Readings

__all__ = ["LanguageModel", "ModelReader", "Patience", "Readings"]
