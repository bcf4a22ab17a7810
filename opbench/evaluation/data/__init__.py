"""Sets of images with labels, one file for each layout.

image_set       a set: its images, its classes, and what is wrong with it
opening         a path is opened as what it is
folder          a folder with a sub-folder per class
listing         a CSV file with the columns path and label
idx             IDX files, as of MNIST
parquet         Parquet files with encoded images and labels
parquet_splits  the Parquet files of one split in a folder
row_groups      their images, read by the row group
reassessed      the labels of people who looked again
tree            files below a folder, each once
classes         the order of classes
imagenet        facts about ImageNet
"""
