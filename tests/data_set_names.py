"""A file of each data set, under the name that it has there."""

ONE_OF_EACH = {
    "cremad": "VideoFlash/1001_IEO_ANG_HI.flv",
    "emodb": "wav/03a01Fa.wav",
    "fsdd": "recordings/7_jackson_32.wav",
    "grid": "s1/bbaf2n.mpg",
    "iemocap": "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    "ravdess": "Actor_12/03-01-06-01-02-01-12.wav",
    "speechcommands": "seven/00176480_nohash_0.wav",
    "tcdtimit": "volunteers/01M/Clips/straightcam/sa1.mp4",
}
