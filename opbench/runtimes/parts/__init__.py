"""Parts that several runtimes share.

exported    a network as a program of torch.export, and as an ONNX file
rewritten   operators that converters get wrong, as others
kept        what was made of a network, for the next process
flat        the tensors inside arguments and outputs, in one order
onnx_file   an ONNX file in the place of a network
precision   arithmetic in what was asked for
outputs     two outputs compared: their error, and the limit of a precision
calibration images that a network is calibrated on before it is quantised
calibrated_on  these images, as they are named to other processes
quantising  int8 refused where a runtime has none
quantised_onnx  an ONNX graph quantised by ONNX Runtime's tools
any_shape   one executable for each shape of the inputs
"""
