"""Sets of images with labels, one file for each layout.

image_set    a set: its images, its classes, and what is wrong with it
folder       a folder with a sub-folder per class
listing      a CSV file with the columns path and label
idx          IDX files, as of MNIST
parquet      Parquet files with encoded images and labels
classes      the order of classes
opening      which of these a path is
"""
