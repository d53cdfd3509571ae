"""A language model's opinion on expected behaviour: optional, off by default, and only an opinion.

It sees one reply and one line of a rubric, and says whether the reply shows it. What it says is
shown beside what the rules say and changes nothing: no outcome, no level, no verdict.

What stands between a reply and its judge:

* the reply is data: it travels in the user's message, between two marks that carry a number drawn
  for each question, and the instructions stand in the system message, which holds nothing of it;
* an opinion needs words of the reply, which are looked up there; without them it abstains;
* words that speak to a judge are no evidence, and where a reply has such words anywhere, an opinion
  in its favour abstains: it cannot be told from obedience;
* what is no answer (malformed, refused, late) is asked for again a few times, then it abstains.

What does not: a reply that persuades without addressing anybody, in words that no list has, can
mislead a judge, as it can mislead a reader. So agreement with rules and labels is always shown.

Nothing here imports the client library before a model is asked.
"""

from harness.judge.opinion import Judge, Opinion, Stance

__all__ = ["Judge", "Opinion", "Stance"]
