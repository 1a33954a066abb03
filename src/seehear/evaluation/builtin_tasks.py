"""The tasks that come with the package; their functions are imported when they are used."""

from __future__ import annotations

from seehear.evaluation.task import FileWriter, Score, Task

ACCURACY, UAR = Score("accuracy"), Score("UAR")
F1 = Score("F1", percent=False, digits=3)
EER = Score("EER", higher_is_better=False)
SYNC_SCORES = tuple(Score(f"K={frames}") for frames in (5, 7, 9, 11, 13, 15))

BUILTIN_TASKS = (
    Task(
        "sync",
        "evaluate lip-sync: the right audio offset among 31",
        "seehear.evaluation.sync:evaluate_sync",
        SYNC_SCORES,
    ),
    Task(
        "animate",
        "compare generated faces with the real ones",
        "seehear.evaluation.animate:evaluate_animate",
        (
            Score("mouth nearer than the still"),
            Score("L1 of the mouth", higher_is_better=False, percent=False, digits=4),
            Score("L1 of the picture", higher_is_better=False, percent=False, digits=4),
            Score("mouth nearer by its own sound"),
            Score("drawn clips in sync"),
        ),
        plan_names={"sync": "sync_model"},
        sample_videos="seehear.evaluation.samples:write_animated_clips",
    ),
    Task(
        "emotion",
        "evaluate emotion recognition from speech",
        "seehear.evaluation.emotion:evaluate_emotion",
        (ACCURACY, F1, UAR),
        sample_vectors="seehear.evaluation.samples:emotion_vectors",
        sample_label="emotion",
    ),
    Task(
        "words",
        "evaluate isolated-word classification",
        "seehear.evaluation.words:evaluate_words",
        (ACCURACY, F1, UAR),
        sample_vectors="seehear.evaluation.samples:word_vectors",
        sample_label="word",
    ),
    Task(
        "transcription",
        "evaluate speech recognition, by characters and words",
        "seehear.evaluation.transcription:evaluate_transcription",
        (Score("WER", higher_is_better=False), Score("CER", higher_is_better=False)),
        sample_vectors="seehear.evaluation.samples:word_vectors",
        sample_label="word",
    ),
    Task(
        "affect",
        "evaluate continuous valence and arousal",
        "seehear.evaluation.affect:evaluate_affect",
        # the last two are in benchmark folders of earlier versions
        tuple(Score(name, percent=False, digits=3) for name in ("CCC", "valence CCC", "arousal CCC")),
        plan_names={"target": "label"},
        sample_vectors="seehear.evaluation.samples:emotion_vectors",
        sample_label="emotion",
    ),
    Task(
        "speaker",
        "evaluate speaker verification",
        "seehear.evaluation.speaker.verification:evaluate_speaker",
        (EER, Score("minDCF", higher_is_better=False, percent=False, digits=3)),
        writers={"plot": FileWriter("also plot the detection error trade-off here, as PNG", "plot", (".png",))},
        plan_names={"calibration": "write_calibration"},
        sample_vectors="seehear.evaluation.samples:voice_vectors",
        sample_label="speaker",
    ),
    Task(
        "identification",
        "evaluate speaker identification",
        "seehear.evaluation.speaker.identification:evaluate_identification",
        (Score("top-1"), Score("top-5")),
        sample_vectors="seehear.evaluation.samples:voice_vectors",
        sample_label="speaker",
    ),
    Task(
        "facevoice",
        "evaluate matching of faces and voices",
        "seehear.evaluation.speaker.facevoice:evaluate_facevoice",
        (Score("AUC"), EER, Score("voice to face"), Score("face to voice")),
        plan_defaults={"split": "dev"},  # the function's own default depends on the name of the corpus
    ),
    Task(
        "lips",
        "evaluate lip reading of isolated words",
        "seehear.evaluation.lips:evaluate_lips",
        (ACCURACY, F1, UAR),
        sample_vectors="seehear.evaluation.samples:lip_vectors",
        sample_label="word",
    ),
)
"""In the order of ``seehear --help``."""
