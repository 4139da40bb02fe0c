"""What media_student.py makes small; a temperature of 0.05 where vectors are compared."""
import torch
import torch.nn.functional as F
from text_losses import SCALE


def alike(x: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """One less the cosine to the teacher's features."""
    return 1 - F.cosine_similarity(x, features, dim=-1).mean()


def neighbours(x: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """The order of what is near by the teacher's features, as in text_losses.to_teacher."""
    x, t = F.normalize(x, dim=1), F.normalize(features, dim=1)
    itself = torch.eye(len(x), dtype=torch.bool)
    among = torch.where(itself, -1e4, t @ t.T * SCALE).softmax(1)
    by_student = torch.where(itself, -1e4, x @ t.T * SCALE).log_softmax(1)
    return -(among * by_student).sum(1).mean() - torch.special.entr(among).sum(1).mean()


def named(y: torch.Tensor, logits: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
    """Classes by the cosines to their names' vectors, as probable as the teacher finds them."""
    posterior = logits.softmax(1)
    return -(posterior * (y @ names.T * SCALE).log_softmax(1)).sum(1).mean() - torch.special.entr(posterior).sum(1).mean()


def called(y: torch.Tensor, texts: torch.Tensor, own: torch.Tensor, among: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """InfoNCE of contents with the vectors of what they are called: y [n], `texts` [n] their numbers, `among` the numbers of all candidates, one each; and the cosine to the own one."""
    near = y @ vectors.T * SCALE
    target = (texts[:, None] == among[None]).int().argmax(1)
    return F.cross_entropy(near, target) + 1 - (y * own).sum(1).mean()
