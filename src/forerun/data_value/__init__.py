"""What data are worth: mixtures of domains, ranked, chosen and carried to another scale."""

from forerun.data_value.choice import MixtureChoice
from forerun.data_value.mixtures import choose_mixture
from forerun.data_value.ranking import Ranking, rank_mixtures
from forerun.data_value.rules import entropy_weights, next_mixture

__all__ = ["MixtureChoice", "Ranking", "choose_mixture", "entropy_weights", "next_mixture", "rank_mixtures"]
