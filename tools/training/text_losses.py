"""What text_student.py makes small. y are the student's vectors, of length one; a temperature of 0.05 throughout."""
import torch
import torch.nn.functional as F

SCALE = 1 / 0.05
PREFIX = 128
"""The shortest vector that is looked after."""


def first(y: torch.Tensor) -> torch.Tensor:
    """The first PREFIX values as vectors of their own."""
    return F.normalize(y[:, :PREFIX], dim=1)


def sizes(prefix: float):
    """Of losses that look at both: a weight and what makes vectors of that size."""
    return ((1, lambda y: y), (prefix, first)) if prefix else ((1, lambda y: y),)


def to_teacher(y: torch.Tensor, t: torch.Tensor, same: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cosine to the teacher; the order of its neighbours, among the teacher's vectors and among the student's own; the text's own vector among all. `same` says which texts have one target."""
    among = torch.where(same, -1e4, t @ t.T * SCALE).softmax(1)
    by_teacher = torch.where(same, -1e4, y @ t.T * SCALE)
    by_student = torch.where(same, -1e4, y @ y.T * SCALE)
    entropy = torch.special.entr(among).sum(1).mean()
    divergence = -(among * by_teacher.log_softmax(1)).sum(1).mean() - (among * by_student.log_softmax(1)).sum(1).mean() - 2 * entropy
    own = (y * t).sum(1)
    contrast = (torch.cat([own[:, None] * SCALE, by_teacher], 1).logsumexp(1) - own * SCALE).mean()
    return 2 * (1 - own).mean(), divergence / 2, contrast


def to_teacher_of_any_size(y: torch.Tensor, t: torch.Tensor, same: torch.Tensor, weights: tuple[float, float, float], prefix: float) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """The weighted sum of to_teacher's three for whole vectors, and `prefix` times that of their first PREFIX values; and the three of whole ones. The targets' values are in the order of their worth."""
    whole = to_teacher(y, t, same)
    loss = sum(weight * value for weight, value in zip(weights, whole))
    if prefix:
        loss = loss + prefix * sum(weight * value for weight, value in zip(weights, to_teacher(first(y), first(t), same)))
    return loss, whole


def found_of_any_size(y: torch.Tensor, labels: torch.Tensor, prefix: float) -> torch.Tensor:
    return sum(share * found(cut(y), labels) for share, cut in sizes(prefix))


def found(y: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """InfoNCE, both ways (van den Oord et al. 2018): the first half's own in the second half, where what bears the same label does not count."""
    one, two = y.chunk(2)
    near = one @ two.T * SCALE
    other = torch.where((labels[:, None] == labels[None]) & ~torch.eye(len(labels), dtype=torch.bool), -1e4, near)
    own = torch.arange(len(labels))
    return (F.cross_entropy(other, own) + F.cross_entropy(other.T, own)) / 2


def ordered(y: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """CoSENT (Su 2022): of two pairs, the one that people found more alike has the higher cosine."""
    one, two = y.chunk(2)
    near = (one * two).sum(1) * SCALE
    wrong = torch.where(scores[:, None] > scores[None], near[None] - near[:, None], -torch.inf)
    return F.softplus(wrong.flatten().logsumexp(0))


def told_apart(y: torch.Tensor) -> torch.Tensor:
    """Of fours: two ways to say one thing are nearer than what differs from it by a word."""
    y = y.view(-1, 4, y.shape[1])

    def near(i, j):
        return (y[:, i] * y[:, j]).sum(1)
    same = torch.stack([near(0, 1), near(0, 1), near(2, 3), near(2, 3)])
    other = torch.stack([near(0, 3), near(1, 2), near(2, 1), near(3, 0)])
    return F.softplus((other - same + 0.1) * SCALE).mean()
