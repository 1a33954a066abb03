"""A file of each data set, under the name that it has there."""

ONE_OF_EACH = {
    "cremad": "VideoFlash/1001_IEO_ANG_HI.flv",
    "emodb": "wav/03a01Fa.wav",
    "fsdd": "recordings/7_jackson_32.wav",
    "grid": "s1/bbaf2n.mpg",
    "iemocap": "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    "librispeech": "train-clean-100/19/198/19-198-0000.flac",
    "lrs2": "main/5535415699068794046/00001.mp4",
    "lrw": "ABOUT/train/ABOUT_00001.mp4",
    "ravdess": "Actor_12/03-01-06-01-02-01-12.wav",
    "speechcommands": "seven/00176480_nohash_0.wav",
    "tcdtimit": "volunteers/01M/Clips/straightcam/sa1.mp4",
    "voxceleb": "dev/aac/id00012/21Uxsk56VDQ/00001.m4a",
}
